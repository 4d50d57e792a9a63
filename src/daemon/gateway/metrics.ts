/**
 * Numbers in Prometheus' text format (version 0.0.4). Labels come from closed sets alone, so that nobody outside
 * can make new series, and nothing in them is a name, an id or a statement.
 */
export class Metrics {
  readonly #families: Family[] = [];

  /** A number that only grows. `labels`: for each label every value that it may have; others count as `other`. */
  counter<L extends string>(
    name: string,
    help: string,
    labels: Readonly<Record<L, readonly string[]>>,
  ): (given: Readonly<Record<L, string>>, by?: number) => void {
    const values = new Map<string, number>();
    this.#families.push({ name, help, type: 'counter', samples: () => values });
    const names = Object.keys(labels) as L[];
    return (given, by = 1) => {
      const words = names.map((label) => {
        const value = labels[label].includes(given[label]) ? given[label] : 'other';
        return `${label}="${value.replaceAll(/[\\"\n]/g, '_')}"`;
      });
      const key = words.length === 0 ? '' : `{${words.join(',')}}`;
      values.set(key, (values.get(key) ?? 0) + by);
    };
  }

  /** A number that is asked for when it is read. */
  gauge(name: string, help: string, read: () => number): void {
    this.#families.push({ name, help, type: 'gauge', samples: () => new Map([['', read()]]) });
  }

  /** As `gauge`, for a number that never shrinks; one sample for each label set, such as `{decision="blocked"}`. */
  sum(name: string, help: string, read: () => ReadonlyMap<string, number>): void {
    this.#families.push({ name, help, type: 'counter', samples: read });
  }

  text(): string {
    return this.#families
      .map(({ name, help, type, samples }) => {
        const lines = [...samples()].map(([labels, value]) => `${name}${labels} ${value}\n`);
        return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
      })
      .join('');
  }
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  samples(): ReadonlyMap<string, number>;
}
