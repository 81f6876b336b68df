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

export const imageURL = `data:image/png;base64,${process.env.IMAGE}`;

// The model knows what to do by the word behind the colon.
export const prompt = (feature) => `feature:${feature} Go on.`;

// Waits until the test says this.
export async function heard(line) {
  process.stdin.setEncoding('utf8');
  let said = '';
  for await (const text of process.stdin) {
    said += text;
    if (said.split('\n').includes(line)) return;
  }
}

// Goes through the features and prints a line for each. What a client doesn't have is a string that says why.
export async function features(table) {
  for (const name of JSON.parse(process.env.FEATURES)) {
    let line;
    if (typeof table[name] === 'string') {
      line = { feature: name, not_offered: table[name] };
    } else {
      try {
        line = { feature: name, saw: await table[name]() };
      } catch (error) {
        line = { feature: name, failed: String(error?.stack ?? error) };
      }
    }
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}
