// LangChain's model for chat completions and its agent, feature by feature.
import { tool } from '@langchain/core/tools';
import { ChatOpenAICompletions } from '@langchain/openai';
import { createAgent } from 'langchain';
import { Trip, apiKey, baseURL, features, heard, imageURL, model, prompt, tools, work } from './kit.mjs';

// `ChatOpenAI` asks a model whose name has "codex" in it through the Responses API, whatever one says.
const modelOf = (settings = {}) =>
  new ChatOpenAICompletions({ model, apiKey, configuration: { baseURL }, maxRetries: 0, ...settings });

const counts = ({ usage_metadata: usage }) => ({
  input: usage.input_tokens,
  output: usage.output_tokens,
  total: usage.total_tokens,
  cached: usage.input_token_details.cache_read,
  reasoning: usage.output_token_details.reasoning,
});

async function stream() {
  const texts = [];
  for await (const chunk of await modelOf().stream(prompt('stream'))) if (chunk.text) texts.push(chunk.text);
  return { texts };
}

async function called(feature) {
  let calls = 0;
  const [{ name, description, parameters }] = tools;
  const mix = tool(
    (input) => {
      calls += 1;
      return work.mix(input);
    },
    { name, description, schema: parameters },
  );
  const agent = createAgent({ model: modelOf(), tools: [mix] });
  const state = await agent.invoke({ messages: [{ role: 'user', content: prompt(feature) }] });
  return { text: state.messages.at(-1).text, calls };
}

async function structured() {
  const shaped = modelOf().withStructuredOutput(Trip, { name: 'trip' });
  const whole = await shaped.invoke(prompt('structured'));
  let streamed = null;
  for await (const part of await shaped.stream(prompt('structured'))) streamed = part;
  return { objects: [whole, streamed] };
}

async function images() {
  const content = [
    { type: 'text', text: prompt('images') },
    { type: 'image_url', image_url: { url: imageURL } },
  ];
  return { text: (await modelOf().invoke([{ role: 'user', content }])).text };
}

async function usage() {
  const whole = await modelOf().invoke(prompt('usage'));
  let added = null;
  for await (const chunk of await modelOf({ streamUsage: true }).stream(prompt('usage'))) {
    added = added ? added.concat(chunk) : chunk;
  }
  return { whole: counts(whole), stream: counts(added) };
}

async function errors() {
  try {
    await modelOf().invoke(prompt('errors'));
  } catch (error) {
    return { class: error.constructor.name, status: error.status ?? null, code: error.code ?? null };
  }
}

async function cancellation() {
  const abort = new AbortController();
  try {
    for await (const chunk of await modelOf().stream(prompt('cancellation'), { signal: abort.signal })) {
      if (chunk.text) abort.abort();
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  }
  await heard('gone');
  return {};
}

await features({
  plain: async () => ({ text: (await modelOf().invoke(prompt('plain'))).text }),
  stream,
  tools: () => called('tools'),
  parallel: () => called('parallel'),
  structured,
  images,
  usage,
  errors,
  retries: async () => ({ text: (await modelOf({ maxRetries: 2 }).invoke(prompt('retries'))).text }),
  cancellation,
});
