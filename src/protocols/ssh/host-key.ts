import ssh2 from 'ssh2';

/** A host key for the gateway itself, Ed25519 in OpenSSH's form, private part and one line of the public one. */
export function newHostKey(): { readonly private: string; readonly public: string } {
  const { private: secret, public: shown } = ssh2.utils.generateKeyPairSync('ed25519');
  return { private: secret, public: shown };
}
