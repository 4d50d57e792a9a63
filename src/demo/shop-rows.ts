/** Rows of the sample shop: always the same ones, and nobody's. */

export type Cell = string | number;

export interface ShopTable {
  readonly name: 'customers' | 'products' | 'orders';
  readonly rows: readonly (readonly Cell[])[];
}

const CUSTOMERS = 1_200;
const ORDERS = 4_800;

const FIRST = [
  'Jane',
  'Omar',
  'Mei',
  'Lucas',
  'Priya',
  'Noah',
  'Sofia',
  'Tariq',
  'Ingrid',
  'Kofi',
  'Elena',
  'Hugo',
];
const LAST = [
  'Porter',
  'Haddad',
  'Lin',
  'Moreau',
  'Nair',
  'Becker',
  'Rossi',
  'Aziz',
  'Dahl',
  'Mensah',
  'Petrov',
  'Silva',
];
/** Reserved for documentation (RFC 2606), so that no mail ever arrives. */
const MAIL_HOSTS = ['example.com', 'example.org', 'mail.example.net'];
/** Prefixes of the networks' published test cards. */
const CARD_PREFIXES = ['424242', '555555', '401288'];
const PLANS = ['free', 'free', 'free', 'team', 'team', 'pro'];
const STATUSES = ['paid', 'shipped', 'delivered', 'delivered', 'delivered', 'refunded'];
const PRODUCTS: readonly (readonly [string, number])[] = [
  ['Oak desk', 349],
  ['Standing desk', 629],
  ['Desk lamp', 49.9],
  ['Task chair', 289],
  ['Felt organiser', 24.5],
  ['Cable tray', 19],
  ['Monitor arm', 119],
  ['Footrest', 39],
  ['Bookshelf', 199],
  ['Whiteboard', 89],
  ['Coat stand', 59],
  ['Wall clock', 34.9],
];

const FIRST_DAY = Date.UTC(2025, 0, 6, 8);
const HOUR = 3_600_000;

/** Tables in the order in which their foreign keys allow them to be filled. */
export function shopTables(): readonly ShopTable[] {
  const next = sequence(20_250_106);
  const pick = <T>(list: readonly T[], fallback: T): T => list[next(list.length)] ?? fallback;
  const customers = Array.from({ length: CUSTOMERS }, (_, index) => {
    const id = index + 1;
    const first = FIRST[index % FIRST.length] ?? '';
    const last = LAST[(index + Math.floor(index / FIRST.length)) % LAST.length] ?? '';
    const mailbox = `${first}.${last}${id > 144 ? id : ''}`.toLowerCase();
    return [
      id,
      `${first} ${last}`,
      `${mailbox}@${pick(MAIL_HOSTS, 'example.com')}`,
      `+1-${202 + next(500)}-555-01${digits(next(100), 2)}`,
      cardNumber(`${pick(CARD_PREFIXES, '424242')}${digits(next(1e9), 9)}`),
      `9${digits(next(100), 2)}-${digits(1 + next(49), 2)}-${digits(1 + next(9999), 4)}`,
      `sk_live_${hex(next, 24)}`,
      pick(PLANS, 'free'),
      new Date(FIRST_DAY + id * 5 * HOUR).toISOString(),
    ];
  });
  const products = PRODUCTS.map(([name, price], index) => [index + 1, name, price, 20 + next(400)]);
  const orders = Array.from({ length: ORDERS }, (_, index) => [
    index + 1,
    1 + next(CUSTOMERS),
    1 + next(PRODUCTS.length),
    1 + next(4),
    pick(STATUSES, 'paid'),
    new Date(FIRST_DAY + (index + 1) * 2 * HOUR).toISOString(),
  ]);
  return [
    { name: 'customers', rows: customers },
    { name: 'products', rows: products },
    { name: 'orders', rows: orders },
  ];
}

/** Integers below a bound, the same for the same seed (Park and Miller's minimal standard generator). */
function sequence(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % bound;
  };
}

/** Fifteen digits and their Luhn check digit, in groups of four. */
function cardNumber(fifteen: string): string {
  let sum = 0;
  for (let i = 0; i < fifteen.length; i++) {
    const digit = Number(fifteen[i]);
    const doubled = i % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  const whole = `${fifteen}${(10 - (sum % 10)) % 10}`;
  return whole.replace(/(\d{4})(?=\d)/g, '$1 ');
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

function hex(next: (bound: number) => number, length: number): string {
  return Array.from({ length }, () => next(16).toString(16)).join('');
}
