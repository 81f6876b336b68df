// The official JavaScript SDK.
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { Trip, apiKey, baseURL, eachCase, model, promptOf, run, system, task, tools, work } from './kit.mjs';

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const ask = (content) => [{ role: 'user', content }];

const usageOf = (usage) => ({
  input: usage.prompt_tokens,
  output: usage.completion_tokens,
  total: usage.total_tokens,
  cached: usage.prompt_tokens_details.cached_tokens,
  reasoning: usage.completion_tokens_details.reasoning_tokens,
});

async function plain() {
  const whole = await client.chat.completions.create({ model, messages: ask('plain') });
  const streamed = { text: '', finish: null, usage: null };
  const stream = await client.chat.completions.create({
    model,
    messages: ask('plain'),
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    if (chunk.usage) streamed.usage = usageOf(chunk.usage);
    for (const choice of chunk.choices) {
      streamed.text += choice.delta.content ?? '';
      streamed.finish = choice.finish_reason ?? streamed.finish;
    }
  }
  const { message, finish_reason } = whole.choices[0];
  return { whole: { text: message.content, finish: finish_reason, usage: usageOf(whole.usage) }, stream: streamed };
}

async function slow() {
  const texts = [];
  for await (const chunk of await client.chat.completions.create({ model, messages: ask('slow'), stream: true })) {
    for (const choice of chunk.choices) if (choice.delta.content) texts.push(choice.delta.content);
  }
  return { texts };
}

async function agent(stream) {
  let calls = 0;
  const counted = (name) => (input) => {
    calls += 1;
    return work[name](input);
  };
  const runnable = tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description, parameters, parse: JSON.parse, function: counted(name) },
  }));
  runnable.push(
    zodFunction({
      name: 'document',
      description: 'A long document.',
      parameters: z.object({ lines: z.number().describe('How many lines.') }),
      function: counted('document'),
    }),
  );
  const messages = [{ role: 'system', content: system }, ...ask(task)];
  const runner = client.chat.completions.runTools({ model, messages, tools: runnable, stream });
  return { text: await runner.finalContent(), calls };
}

async function structured() {
  const request = { model, messages: ask('structured'), response_format: zodResponseFormat(Trip, 'trip') };
  const whole = await client.chat.completions.parse(request);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  return { objects: [whole, streamed].map((completion) => completion.choices[0].message.parsed) };
}

async function oneError(one) {
  const own = client.withOptions({ apiKey: one.key ?? apiKey, maxRetries: one.retries ?? 1 });
  const request = { model: one.model ?? model, messages: ask(promptOf(one)) };
  let text = '';
  try {
    if (one.stream) {
      for await (const chunk of await own.chat.completions.create({ ...request, stream: true })) {
        for (const choice of chunk.choices) text += choice.delta.content ?? '';
      }
    } else {
      text = (await own.chat.completions.create(request)).choices[0].message.content;
    }
  } catch (error) {
    if (!(error instanceof OpenAI.OpenAIError)) throw error;
    return { class: error.constructor.name, status: error.status ?? null, code: error.code ?? null, text };
  }
  return { text };
}

await run({
  plain,
  slow,
  agent: () => agent(false),
  'agent-stream': () => agent(true),
  structured,
  errors: () => eachCase(oneError),
});
