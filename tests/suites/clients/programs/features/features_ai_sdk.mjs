// The AI SDK with the provider that AI_PROVIDER names, feature by feature.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { AISDKError, Output, generateText, isStepCount, jsonSchema, streamText, tool } from 'ai';
import { Trip, apiKey, baseURL, features, heard, imageURL, model as name, prompt, tools, work } from './kit.mjs';

const settings = { name: 'gateway', baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true };
const model =
  process.env.AI_PROVIDER === 'openai'
    ? // Without `.chat` it would speak the Responses API.
      createOpenAI({ baseURL, apiKey }).chat(name)
    : createOpenAICompatible(settings)(name);

const ask = (feature) => ({ model, prompt: prompt(feature), maxRetries: 0 });

const counts = (usage) => ({
  input: usage.inputTokens,
  output: usage.outputTokens,
  total: usage.totalTokens,
  cached: usage.inputTokenDetails.cacheReadTokens,
  reasoning: usage.outputTokenDetails.reasoningTokens,
});

async function stream() {
  const texts = [];
  for await (const text of streamText(ask('stream')).textStream) texts.push(text);
  return { texts };
}

async function called(feature) {
  let calls = 0;
  const [{ description, parameters }] = tools;
  const execute = (input) => {
    calls += 1;
    return work.mix(input);
  };
  const mix = tool({ description, inputSchema: jsonSchema(parameters), execute });
  const { text } = await generateText({ ...ask(feature), tools: { mix }, stopWhen: isStepCount(5) });
  return { text, calls };
}

async function structured() {
  const request = { ...ask('structured'), output: Output.object({ schema: Trip }) };
  const whole = await generateText(request);
  const streamed = streamText(request);
  for await (const part of streamed.textStream) void part;
  return { objects: [whole.output, await streamed.output] };
}

async function images() {
  const content = [
    { type: 'text', text: prompt('images') },
    { type: 'image', image: imageURL },
  ];
  const { text } = await generateText({ model, messages: [{ role: 'user', content }], maxRetries: 0 });
  return { text };
}

async function usage() {
  const whole = await generateText(ask('usage'));
  const streamed = streamText(ask('usage'));
  for await (const part of streamed.textStream) void part;
  return { whole: counts(whole.usage), stream: counts(await streamed.usage) };
}

async function errors() {
  try {
    await generateText(ask('errors'));
  } catch (error) {
    if (!AISDKError.isInstance(error)) throw error;
    return { class: error.name, status: error.statusCode ?? null, code: error.data?.error?.code ?? null };
  }
}

async function cancellation() {
  const abort = new AbortController();
  const { textStream } = streamText({ ...ask('cancellation'), abortSignal: abort.signal });
  for await (const text of textStream) if (text) abort.abort();
  await heard('gone');
  return {};
}

await features({
  plain: async () => ({ text: (await generateText(ask('plain'))).text }),
  stream,
  tools: () => called('tools'),
  parallel: () => called('parallel'),
  structured,
  images,
  usage,
  errors,
  retries: async () => ({ text: (await generateText({ ...ask('retries'), maxRetries: 2 })).text }),
  cancellation,
});
