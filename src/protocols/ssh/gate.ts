import { Gate, type GateTerms } from '../../session/command-line/gate.ts';
import { type Asked, judge } from './judgement.ts';
import type { ProgramTerms } from './program.ts';

/** The gate through which one channel asks. */
export function channelGate(
  terms: Pick<ProgramTerms, 'desk' | 'clientAddress' | 'target'>,
  around: Pick<GateTerms<Asked>, 'say' | 'gone'> &
    Partial<Pick<GateTerms<Asked>, 'environment' | 'terminal'>>,
): Gate<Asked> {
  return new Gate<Asked>({
    ...gateTerms(terms),
    environment: new Map(),
    terminal: undefined,
    ...around,
    judge: (asked) => judge(terms.desk, asked),
  });
}

/** What all gates of a connection share. */
export function gateTerms({
  clientAddress,
  desk,
  target,
}: Pick<ProgramTerms, 'desk' | 'clientAddress' | 'target'>) {
  const whyBlocked = `hoopctl policy explain --connection ${desk.target.connection} '<command>'`;
  return { desk, clientAddress, target, whyBlocked };
}
