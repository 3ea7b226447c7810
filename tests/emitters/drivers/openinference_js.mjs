// @arizeai/openinference-instrumentation-openai; the ids are on a span around it.
import { OpenAIInstrumentation } from '@arizeai/openinference-instrumentation-openai';
import OpenAI from 'openai';
import { address, onParent, perform, provider } from './work.mjs';

const instrumentation = new OpenAIInstrumentation();
instrumentation.setTracerProvider(provider);
instrumentation.manuallyInstrument(OpenAI);
const openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: 'sk-local' });

const chat =
  (options = {}, request = {}) =>
  (model, prompt) =>
    openai.chat.completions.create({ model, messages: [{ role: 'user', content: prompt }], ...options }, request);
const read = (asked, stop) => async (model, prompt) => {
  for await (const _ of await asked(model, prompt)) if (stop) break;
};
const asksForUsage = { stream: true, stream_options: { include_usage: true } };
const gpt = 'gpt-4.1-mini';

await perform(
  {
    plain: [gpt, chat()],
    cached: [gpt, chat()],
    streamed: [gpt, read(chat(asksForUsage))],
    cut: [gpt, read(chat(asksForUsage))],
    left: [gpt, read(chat(asksForUsage), true)],
    failed: [gpt, chat({}, { maxRetries: 0 })],
    retried: [gpt, chat()],
    responses: [gpt, (model, prompt) => openai.responses.create({ model, input: prompt })],
    responses_streamed: [gpt, read((model, prompt) => openai.responses.create({ model, input: prompt, stream: true }))],
    embeddings: ['text-embedding-3-small', (model, prompt) => openai.embeddings.create({ model, input: prompt })],
  },
  onParent,
);
