/** A `string` as SSH sends it: its length in four bytes, then its bytes (RFC 4251, 5). */
export function stringField(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
