/**
 * Changes that the sessions of one target make to its catalog, from the moment the statement is sent until its
 * transaction is over. A result of another session that was under way meanwhile may be of something else than what was
 * judged: a view can be replaced while a query waits for its lock. Mutable; shared by the sessions of a target.
 */
export class CatalogChanges {
  #committed = 0;
  #seen = 0;
  /** Grows when a change begins and when it is settled. */
  #stir = 0;
  #moving = 0;

  /** The catalog is older than a change that a session has committed. */
  get outdated(): boolean {
    return this.#seen !== this.#committed;
  }

  commit(): void {
    this.#committed++;
  }

  /** How many changes have been committed so far; `saw` it when what was read afterwards is in use. */
  get count(): number {
    return this.#committed;
  }

  saw(count: number): void {
    this.#seen = Math.max(this.#seen, count);
  }

  /** A session has sent what changes the catalog; the answer is called when that is settled. */
  begin(): () => void {
    this.#moving++;
    this.#stir++;
    return () => {
      this.#moving--;
      this.#stir++;
    };
  }

  /** Remembered with a statement when it is sent, by a session that itself changes the catalog or does not. */
  mark(changing: boolean): number {
    return this.#moving > (changing ? 1 : 0) ? -1 : this.#stir;
  }

  /** Whether the catalog may have changed since. */
  doubts(mark: number): boolean {
    return mark < 0 || mark !== this.#stir;
  }
}
