import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ApprovalRequest } from '../../../src/approval/request.ts';
import {
  decideRequest,
  expireRequest,
  isEnded,
  openRequest,
  spendApproval,
  withdrawRequest,
} from '../../../src/approval/state.ts';
import { HoopError } from '../../../src/base/errors.ts';
import { DRAFT, decider } from './request.ts';

const PEOPLE = ['devin', 'ana', 'bob', 'carl'];

/** The store's compare-and-set: a change counts only against the version it was made from. */
class Cell {
  request: ApprovalRequest;
  now = 0;
  uses = 0;
  ends: string[] = [];

  constructor(approvals: number) {
    this.request = openRequest({ ...DRAFT, terms: { ...DRAFT.terms, approvals } }, 0);
  }

  /** Applies a change that was made from `seen`, as long as nothing else came between. */
  apply(seen: ApprovalRequest, change: (request: ApprovalRequest) => ApprovalRequest | undefined): void {
    let changed: ApprovalRequest | undefined;
    try {
      changed = change(seen);
    } catch (error) {
      if (error instanceof HoopError) return;
      throw error;
    }
    if (changed === undefined || this.request.version !== seen.version) return;
    expect(changed.version).toBe(seen.version + 1);
    if (changed.status === 'used') {
      expect(this.request.status).toBe('approved');
      this.uses += 1;
    }
    if (isEnded(changed.status)) this.ends.push(changed.status);
    this.request = changed;
  }
}

interface Model {
  readonly seen: ApprovalRequest[];
}

function step(
  name: string,
  run: (cell: Cell, seen: ApprovalRequest) => void,
): (stale: number) => fc.Command<Model, Cell> {
  return (stale) => ({
    check: () => true,
    toString: () => `${name}(${stale} behind)`,
    run(model, cell) {
      const seen = model.seen.at(-1 - stale) ?? cell.request;
      run(cell, seen);
      model.seen.push(cell.request);
      expect(cell.uses).toBeLessThanOrEqual(1);
      expect(cell.ends.length).toBeLessThanOrEqual(1);
      const people = cell.request.decisions.map((decision) => decision.byName);
      expect(new Set(people).size).toBe(people.length);
      expect(people).not.toContain('devin');
      if (cell.request.status === 'approved' || cell.request.status === 'used') {
        expect(people.length).toBe(cell.request.terms.approvals);
        expect(cell.request.decisions.every((decision) => decision.decision === 'approve')).toBe(true);
      }
    },
  });
}

const stale = fc.nat({ max: 2 });
const commands = [
  ...PEOPLE.flatMap((name) =>
    (['approve', 'deny'] as const).map((decision) =>
      stale.map(
        step(`${name} ${decision}s`, (cell, seen) =>
          cell.apply(seen, (request) =>
            decideRequest(
              request,
              decider(name),
              { decision, reason: 'r', version: request.version },
              cell.now,
            ),
          ),
        ),
      ),
    ),
  ),
  stale.map(step('spend', (cell, seen) => cell.apply(seen, (request) => spendApproval(request, cell.now)))),
  stale.map(
    step('withdraw', (cell, seen) => cell.apply(seen, (request) => withdrawRequest(request, 'gone'))),
  ),
  stale.map(step('expire', (cell, seen) => cell.apply(seen, (request) => expireRequest(request, cell.now)))),
  fc.constantFrom(60_000, 600_000, 900_000).chain((ms) =>
    stale.map(
      step(`wait ${ms} ms`, (cell) => {
        cell.now += ms;
      }),
    ),
  ),
];

test('a request reaches at most one end, is used at most once and only approved by enough others', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.commands(commands, { maxCommands: 25 }),
      (approvals, run) => {
        fc.modelRun(() => ({ model: { seen: [] }, real: new Cell(approvals) }), run);
      },
    ),
    { numRuns: 1000 },
  );
});

test('whatever happened before, time ends it', () => {
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 10 }), (run) => {
      const cell = new Cell(2);
      fc.modelRun(() => ({ model: { seen: [] }, real: cell }), run);
      cell.now += DRAFT.terms.expires;
      cell.apply(cell.request, (request) => expireRequest(request, cell.now));
      expect(isEnded(cell.request.status)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
