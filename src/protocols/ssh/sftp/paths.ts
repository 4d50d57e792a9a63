/** The path from the root without `.` and double slashes; undefined when it climbs by `..`, which links can mislead. */
export function absolutePath(path: string, home: string): string | undefined {
  const steps = (path.startsWith('/') ? path : `${home}/${path}`).split('/');
  const plain = steps.filter((step) => step !== '' && step !== '.');
  return plain.includes('..') ? undefined : `/${plain.join('/')}`;
}

/** As `absolutePath`, with `..` taken off as text: good enough where nothing is opened. */
export function roughPath(path: string, home: string): string {
  const plain: string[] = [];
  for (const step of (path.startsWith('/') ? path : `${home}/${path}`).split('/')) {
    if (step === '..') plain.pop();
    else if (step !== '' && step !== '.') plain.push(step);
  }
  return `/${plain.join('/')}`;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

export function lastStep(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function joined(parent: string, step: string): string {
  return parent === '/' ? `/${step}` : `${parent}/${step}`;
}
