// What the JavaScript clients share: where the gateway is, the tools' work, and the one line that is the result.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export const baseURL = process.env.BASE_URL;
export const apiKey = process.env.API_KEY;
export const model = 'codex-5';

// Name, description and parameters of the tools that are given as plain JSON.
export const tools = JSON.parse(readFileSync(new URL('tools.json', import.meta.url), 'utf8'));
export const system = 'Use the tools. Grüße, 你好.';
export const task = 'Mix, read and add up.';

export const work = {
  mix: ({ label, value }) => `${label}:${(value * 31 + 7) % 1000003}`,
  place_order: () => {
    throw new Error('nobody asked for an order');
  },
  // The text of about 400 kB.
  document: ({ lines }) =>
    Array.from({ length: lines }, (_, at) => `${String(at + 1).padStart(6, '0')}: "Grüße" \\ 😀 <&>\tend\n`).join(''),
};

// The structured answer, as people write it with zod.
export const Trip = z.object({
  city: z.string(),
  days: z.number(),
  kind: z.enum(['work', 'pleasure']),
  tags: z.array(z.string()),
  hotel: z.object({ name: z.string(), stars: z.number().nullable() }),
});

// What `ask` gives for each of the test's cases, all at once.
export async function eachCase(ask) {
  const cases = JSON.parse(process.env.CASES);
  return Object.fromEntries(await Promise.all(cases.map(async (one) => [one.name, await ask(one)])));
}

export const promptOf = (one) => `${one.name} ${'x'.repeat(one.padding ?? 0)}`;

export async function run(scenarios) {
  const result = await scenarios[process.argv[2]]();
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
