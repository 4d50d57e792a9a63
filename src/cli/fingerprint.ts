/** 64 hexadecimal digits as people compare them: `AB:CD:…`. */
export function spelledFingerprint(sha256: string): string {
  return sha256.replaceAll(/(..)(?!$)/g, '$1:').toUpperCase();
}
