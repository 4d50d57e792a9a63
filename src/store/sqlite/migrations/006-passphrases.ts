/** What unlocks a connection's private key. */
export const passphrases = `
ALTER TABLE connections ADD COLUMN passphrase_ref TEXT;
`;
