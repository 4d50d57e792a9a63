/** `deployer for ana@example.com`: a machine that acts for a person is never shown without it. */
export function acting(identity: string, endUser: string | null | undefined): string {
  return endUser == null ? identity : `${identity} for ${endUser}`;
}
