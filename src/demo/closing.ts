/** What must be ended at the end, in the reverse order of its beginning. */
export class Closing {
  private readonly works: (() => Promise<unknown>)[] = [];

  add(work: () => Promise<unknown>): void {
    this.works.push(work);
  }

  /** Ends everything once. One that fails does not keep the others open. */
  async close(): Promise<void> {
    for (let work = this.works.pop(); work !== undefined; work = this.works.pop()) {
      try {
        await work();
      } catch {
        // What cannot be ended is gone already.
      }
    }
  }
}
