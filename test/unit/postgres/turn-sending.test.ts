import { PassThrough } from 'node:stream';
import { beforeEach, expect, it } from 'vitest';
import { ClientOutput } from '../../../src/protocols/postgres/client-output.ts';
import { Door } from '../../../src/protocols/postgres/door.ts';
import type { Exchange } from '../../../src/protocols/postgres/exchange.ts';
import { TurnSending } from '../../../src/protocols/postgres/turn-sending.ts';
import type { SessionDesk } from '../../../src/session/desk.ts';
import type { TurnStep } from '../../../src/session/turn-end.ts';

let client: PassThrough;
let target: PassThrough;
let steps: TurnStep[];
let booked: string[];
let errors: unknown[];
let output: ClientOutput;
let door: Door;
let sending: TurnSending;

const said = (stream: PassThrough) => String(stream.read() ?? '');

beforeEach(() => {
  [client, target, steps, booked, errors] = [new PassThrough(), new PassThrough(), [], [], []];
  const desk = {
    recordStaged: (_: number, parts: Buffer[]) => booked.push(String(Buffer.concat(parts))),
    prepare: () => booked.push('prepared'),
    commit: () => booked.push('committed'),
    atTurnEnd: (step: TurnStep) => steps.push(step),
  } as unknown as SessionDesk;
  output = new ClientOutput(client, desk);
  door = new Door(target, desk);
  const guard = (run: () => void) => {
    try {
      run();
    } catch (error) {
      errors.push(error);
    }
  };
  sending = new TurnSending({ desk, door, output } as unknown as Exchange, guard, () => {
    output.flush();
    door.flush();
  });
});

it('stages both ways in the books, and sends when they are written', () => {
  output.say(Buffer.from('answer'));
  door.own(Buffer.from('question'));
  sending.soon();
  sending.soon();
  expect(steps).toHaveLength(1);
  steps[0]?.prepare();
  expect([booked, said(client), said(target)]).toEqual([['answer', 'prepared'], '', '']);
  steps[0]?.send(undefined);
  expect([said(client), said(target)]).toEqual(['answer', 'question']);
});

it('sends nothing, now or later, when the books could not be written', () => {
  output.say(Buffer.from('secret answer'));
  door.own(Buffer.from('question'));
  sending.soon();
  steps[0]?.prepare();
  steps[0]?.send(new Error('no room'));
  expect(errors).toEqual([new Error('no room')]);
  output.end(Buffer.from('last words'));
  door.close(Buffer.from('terminate'));
  expect([said(client), said(target)]).toEqual(['last words', 'terminate']);
});
