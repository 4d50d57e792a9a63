import type { ReadyEvent } from './endpoint.ts';
import type { Io } from './io.ts';

/** What a terminal program needs of the user's environment; everything else stays behind. */
const KEPT =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TERM|TERMINFO(_DIRS)?|COLORTERM|NO_COLOR|FORCE_COLOR|COLUMNS|LINES|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|EDITOR|VISUAL|PAGER|LESS|PSQL_[A-Z]+|PSQLRC|PGTZ|PGDATESTYLE|PGAPPNAME|INPUTRC|XDG_[A-Z_]+|DISPLAY|WAYLAND_DISPLAY)$/;

/** What a native client needs of the environment, and nothing that would change where it connects. */
export function cleanEnvironment(env: Io['env']): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && KEPT.test(name)) clean[name] = value;
  }
  return clean;
}

/** A clean environment plus how to reach the endpoint. Its password is in no argument and no other process. */
export function clientEnvironment(env: Io['env'], endpoint: ReadyEvent): Record<string, string> {
  return {
    ...cleanEnvironment(env),
    PGHOST: endpoint.host,
    PGPORT: String(endpoint.port),
    PGUSER: endpoint.user,
    PGPASSWORD: endpoint.password,
    PGDATABASE: endpoint.database,
    PGSSLMODE: 'disable',
  };
}
