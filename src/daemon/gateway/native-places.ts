/** Where clients without hoopctl reach this gateway, by protocol; what printed URLs say. */
export interface NativePlace {
  readonly host: string;
  readonly port: number;
}

/** Where clients without hoopctl reach each protocol, once its listener is open. Mutable. */
export class NativePlaces {
  readonly #places = new Map<string, NativePlace>();

  set(protocol: string, place: NativePlace): void {
    this.#places.set(protocol, place);
  }

  place(protocol: string): NativePlace | undefined {
    return this.#places.get(protocol);
  }
}
