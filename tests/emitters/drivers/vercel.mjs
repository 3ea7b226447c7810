// The scenarios of Vercel's AI SDK, OpenAI and Anthropic behind it.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { embed, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { address } from './work.mjs';

const openai = createOpenAI({ baseURL: `${address}/v1`, apiKey: 'sk-local' });
const anthropic = createAnthropic({ baseURL: `${address}/v1`, apiKey: 'sk-local' });
const tools = {
  look_up: tool({
    description: 'Where a parcel is',
    inputSchema: jsonSchema({ type: 'object', properties: { parcel: { type: 'string' } }, required: ['parcel'] }),
    execute: async ({ parcel }) => `parcel ${parcel} left the depot`,
  }),
};

export function scenarios(traced) {
  const generate = (of, options = {}) => async (model, prompt, told) =>
    generateText({ model: of(model), prompt, ...traced(told), ...options });
  const stream = (of, read) => async (model, prompt, told) => {
    const controller = new AbortController();
    let failure;
    const answer = streamText({
      model: of(model),
      prompt,
      abortSignal: controller.signal,
      onError: ({ error }) => (failure = error),
      ...traced(told),
    });
    await read(answer.textStream, controller);
    // The spans of a stream that breaks off end after its reader has gone.
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (failure) throw failure;
  };
  const all = async (words) => {
    for await (const _ of words);
  };
  const first = async (words, controller) => {
    for await (const _ of words) {
      controller.abort();
      break;
    }
  };
  const gpt = 'gpt-4.1-mini';
  const claude = 'claude-sonnet-4';
  return {
    plain: [gpt, generate(openai)],
    cached: [gpt, generate(openai)],
    chat: [gpt, generate(openai.chat)],
    agent: [gpt, generate(openai, { tools, stopWhen: stepCountIs(4) })],
    streamed: [gpt, stream(openai, all)],
    cut: [gpt, stream(openai, all)],
    left: [gpt, stream(openai, first)],
    failed: [gpt, generate(openai, { maxRetries: 0 })],
    retried: [gpt, generate(openai)],
    claude: [claude, generate(anthropic)],
    hour: [claude, generate(anthropic)],
    claude_streamed: [claude, stream(anthropic, all)],
    embeddings: [
      'text-embedding-3-small',
      (model, prompt, told) => embed({ model: openai.embedding(model), value: prompt, ...traced(told) }),
    ],
  };
}
