import type { Io } from './io.ts';

export async function run(
  options: { readonly keep: boolean; readonly ssh: boolean },
  _io: Io,
): Promise<number> {
  const { runDemo } = await import('../demo/demo.ts');
  return runDemo(options, process);
}
