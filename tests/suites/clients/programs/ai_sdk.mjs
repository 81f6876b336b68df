// The AI SDK, with the provider that AI_PROVIDER names.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { AISDKError, Output, generateObject, generateText, isStepCount, jsonSchema, streamText, tool } from 'ai';
import { z } from 'zod';
import { Trip, apiKey, baseURL, eachCase, model, promptOf, run, system, task, tools, work } from './kit.mjs';

const providers = {
  compatible: (key) => {
    const provider = createOpenAICompatible({
      name: 'gateway',
      baseURL,
      apiKey: key,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    return (name) => provider(name);
  },
  openai: (key) => {
    const provider = createOpenAI({ baseURL, apiKey: key });
    // Without `.chat` it would speak the Responses API.
    return (name) => provider.chat(name);
  },
};
const modelOf = (name = model, key = apiKey) => providers[process.env.AI_PROVIDER](key)(name);

// What a stream tells; its errors are parts of it, not exceptions.
async function read(result) {
  const texts = [];
  let error = null;
  for await (const part of result.stream) {
    if (part.type === 'text-delta') texts.push(part.text);
    if (part.type === 'error') error = part.error;
  }
  return { texts, error };
}

const usageOf = (usage) => ({
  input: usage.inputTokens,
  output: usage.outputTokens,
  total: usage.totalTokens,
  cached: usage.inputTokenDetails.cacheReadTokens,
  reasoning: usage.outputTokenDetails.reasoningTokens,
});

async function plain() {
  const request = { model: modelOf(), prompt: 'plain', maxRetries: 0 };
  const whole = await generateText(request);
  const stream = streamText(request);
  const { texts, error } = await read(stream);
  if (error) throw error;
  return {
    whole: { text: whole.text, finish: whole.finishReason, usage: usageOf(whole.usage) },
    stream: { text: texts.join(''), finish: await stream.finishReason, usage: usageOf(await stream.usage) },
  };
}

async function slow() {
  const { texts, error } = await read(streamText({ model: modelOf(), prompt: 'slow', maxRetries: 0 }));
  if (error) throw error;
  return { texts };
}

async function agent(stream) {
  let calls = 0;
  const counted = (name) => (input) => {
    calls += 1;
    return work[name](input);
  };
  const plainTools = tools.map(({ name, description, parameters }) => [
    name,
    tool({ description, inputSchema: jsonSchema(parameters), execute: counted(name) }),
  ]);
  const document = tool({
    description: 'A long document.',
    inputSchema: z.object({ lines: z.number().describe('How many lines.') }),
    execute: counted('document'),
  });
  const request = {
    model: modelOf(),
    instructions: system,
    prompt: task,
    maxRetries: 0,
    tools: { ...Object.fromEntries(plainTools), document },
    stopWhen: isStepCount(10),
  };
  if (!stream) return { text: (await generateText(request)).text, calls };
  const result = streamText(request);
  const { error } = await read(result);
  if (error) throw error;
  return { text: await result.text, calls };
}

async function structured() {
  const request = { model: modelOf(), prompt: 'structured', maxRetries: 0 };
  const old = await generateObject({ ...request, schema: Trip });
  const whole = await generateText({ ...request, output: Output.object({ schema: Trip }) });
  const stream = streamText({ ...request, output: Output.object({ schema: Trip }) });
  await read(stream);
  return { objects: [old.object, whole.output, await stream.output] };
}

// An error as the test compares it: its own class, and status and code of the last answer.
function told(error) {
  const last = error.lastError ?? error;
  return {
    class: error.name ?? error.constructor.name,
    status: last.statusCode ?? null,
    code: last.data?.error?.code ?? last.code ?? null,
  };
}

async function oneError(one) {
  const request = { model: modelOf(one.model, one.key), prompt: promptOf(one), maxRetries: one.retries ?? 1 };
  if (one.stream) {
    const { texts, error } = await read(streamText({ ...request, onError: () => {} }));
    return error ? { ...told(error), text: texts.join('') } : { text: texts.join('') };
  }
  try {
    return { text: (await generateText(request)).text };
  } catch (error) {
    if (!AISDKError.isInstance(error)) throw error;
    return { ...told(error), text: '' };
  }
}

await run({
  plain,
  slow,
  agent: () => agent(false),
  'agent-stream': () => agent(true),
  structured,
  errors: () => eachCase(oneError),
});
