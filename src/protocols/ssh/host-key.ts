import ssh2 from 'ssh2';

/**
 * A host key for the gateway itself, Ed25519 in OpenSSH's form, private part and one line of the public one.
 * One in some hundred keys that ssh2 writes it cannot read again: those are left aside.
 */
export function newHostKey(): { readonly private: string; readonly public: string } {
  for (;;) {
    const { private: secret, public: shown } = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(secret) instanceof Error)) return { private: secret, public: shown };
  }
}
