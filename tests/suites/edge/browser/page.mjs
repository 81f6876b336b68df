// What a page does with the official SDK. It tells its own server what it saw.
import OpenAI from '/node_modules/openai/index.mjs';

const asked = new URLSearchParams(location.search);
const api = asked.get('api');
const key = asked.get('key');
const options = { baseURL: `${api}/v1`, dangerouslyAllowBrowser: true, maxRetries: 0 };
const client = new OpenAI({ ...options, apiKey: key });
const request = { model: 'codex-5', messages: [{ role: 'user', content: 'Grüße' }] };

const steps = {
  async whole() {
    const { data, response, request_id } = await client.chat.completions.create({ ...request, seed: 1 }).withResponse();
    return {
      text: data.choices[0].message.content,
      id: request_id,
      header: response.headers.get('x-request-id'),
      ignored: response.headers.get('x-codex-ignored-params'),
    };
  },
  async streamed() {
    const told = { text: '', finish: null };
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
      told.text += chunk.choices[0].delta.content ?? '';
      told.finish = chunk.choices[0].finish_reason ?? told.finish;
    }
    return told;
  },
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return { ids };
  },
  async refused() {
    const stranger = new OpenAI({ ...options, apiKey: 'sk-wrong' });
    return stranger.chat.completions.create(request);
  },
  async unknown() {
    return client.models.retrieve('gpt-none');
  },
  async with_cookies() {
    const { status } = await fetch(`${api}/v1/models`, { credentials: 'include' });
    return { status };
  },
  async reachable() {
    return (await fetch(`${api}/livez`, { mode: 'no-cors' })).type;
  },
};

const seen = {};
for (const [name, step] of Object.entries(steps)) {
  try {
    seen[name] = await step();
  } catch (error) {
    const { status, code, requestID: id } = error;
    seen[name] = { error: error.constructor.name, status, code, id, message: error.error?.message };
  }
}
await fetch('/result', { method: 'POST', body: JSON.stringify(seen) });
