import { NotPermitted } from '../../base/errors.ts';
import type { EphemeralRoleTerms } from '../../policy/decision.ts';
import type { Swept } from '../protocol.ts';
import { createRole, dropRole, type EphemeralRole, reasonOf, sweepRoles } from './ephemeral-role.ts';
import type { Ask } from './estimate.ts';

/** Roles of the sessions of one target, made and dropped by its own credential. */
export class SessionRoles {
  readonly #onSide: <T>(run: (ask: Ask) => Promise<T>) => Promise<T>;
  readonly #serverVersion: () => number;
  readonly #tag: string;

  constructor(
    onSide: <T>(run: (ask: Ask) => Promise<T>) => Promise<T>,
    serverVersion: () => number,
    tag: string,
  ) {
    this.#onSide = onSide;
    this.#serverVersion = serverVersion;
    this.#tag = tag;
  }

  /** What a crash left behind goes first. Throws NotPermitted `role_not_made`. */
  async make(terms: EphemeralRoleTerms): Promise<EphemeralRole> {
    try {
      return await this.#onSide(async (ask) => {
        await sweepRoles(ask, this.#tag, this.#serverVersion());
        return createRole(ask, terms, this.#tag, Date.now());
      });
    } catch (cause) {
      throw new NotPermitted('role_not_made', 'the role for this session could not be made', {
        why: cause instanceof Error ? cause.message : String(cause),
        next: "the connection's credential needs CREATEROLE, and ADMIN OPTION on the template",
        cause,
      });
    }
  }

  /** Never rejects: a role that stays is swept later. */
  async drop(name: string, note: (why: string) => void): Promise<void> {
    try {
      await this.#onSide((ask) => dropRole(ask, name, this.#serverVersion()));
    } catch (error) {
      note(`role ${name} could not be dropped: ${reasonOf(error)}`);
    }
  }

  sweep(): Promise<Swept> {
    return this.#onSide((ask) => sweepRoles(ask, this.#tag, this.#serverVersion()));
  }
}
