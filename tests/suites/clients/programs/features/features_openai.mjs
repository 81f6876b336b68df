// The official JavaScript SDK, feature by feature; the same for both majors.
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { Trip, apiKey, baseURL, features, heard, imageURL, model, prompt, tools, work } from './kit.mjs';

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const { completions } = client.chat;

const ask = (feature) => ({ model, messages: [{ role: 'user', content: prompt(feature) }] });
const textOf = (completion) => completion.choices[0].message.content;

const counts = (usage) => ({
  input: usage.prompt_tokens,
  output: usage.completion_tokens,
  total: usage.total_tokens,
  cached: usage.prompt_tokens_details.cached_tokens,
  reasoning: usage.completion_tokens_details.reasoning_tokens,
});

async function stream() {
  const texts = [];
  for await (const chunk of await completions.create({ ...ask('stream'), stream: true })) {
    for (const choice of chunk.choices) if (choice.delta.content) texts.push(choice.delta.content);
  }
  return { texts };
}

async function called(feature) {
  let calls = 0;
  const runnable = tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: {
      name,
      description,
      parameters,
      parse: JSON.parse,
      function: (input) => {
        calls += 1;
        return work[name](input);
      },
    },
  }));
  const runner = completions.runTools({ ...ask(feature), tools: runnable });
  return { text: await runner.finalContent(), calls };
}

async function structured() {
  const request = { ...ask('structured'), response_format: zodResponseFormat(Trip, 'trip') };
  const whole = await completions.parse(request);
  const streamed = await completions.stream(request).finalChatCompletion();
  return { objects: [whole, streamed].map((completion) => completion.choices[0].message.parsed) };
}

async function images() {
  const content = [
    { type: 'text', text: prompt('images') },
    { type: 'image_url', image_url: { url: imageURL } },
  ];
  return { text: textOf(await completions.create({ model, messages: [{ role: 'user', content }] })) };
}

async function usage() {
  const whole = await completions.create(ask('usage'));
  const request = { ...ask('usage'), stream: true, stream_options: { include_usage: true } };
  let streamed = null;
  for await (const chunk of await completions.create(request)) streamed = chunk.usage ?? streamed;
  return { whole: counts(whole.usage), stream: counts(streamed) };
}

async function errors() {
  try {
    await completions.create(ask('errors'));
  } catch (error) {
    if (!(error instanceof OpenAI.OpenAIError)) throw error;
    return { class: error.constructor.name, status: error.status ?? null, code: error.code ?? null };
  }
}

async function retries() {
  const patient = client.withOptions({ maxRetries: 2 });
  return { text: textOf(await patient.chat.completions.create(ask('retries'))) };
}

async function cancellation() {
  const chunks = await completions.create({ ...ask('cancellation'), stream: true });
  for await (const chunk of chunks) if (chunk.choices[0].delta.content) break;
  chunks.controller.abort();
  await heard('gone');
  return {};
}

await features({
  plain: async () => ({ text: textOf(await completions.create(ask('plain'))) }),
  stream,
  tools: () => called('tools'),
  parallel: () => called('parallel'),
  structured,
  images,
  usage,
  errors,
  retries,
  cancellation,
});
