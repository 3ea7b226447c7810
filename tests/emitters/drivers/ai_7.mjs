// Vercel's `ai` 7 with the spans of @ai-sdk/otel; the ids are its runtime context.
import { OpenTelemetry } from '@ai-sdk/otel';
import { registerTelemetry } from 'ai';
import { scenarios } from './vercel.mjs';
import { perform } from './work.mjs';

registerTelemetry(new OpenTelemetry({ runtimeContext: true, usage: true }));
const includeRuntimeContext = { event_id: true, run_id: true, tenant_id: true, feature_id: true };
await perform(
  scenarios((told) => ({ runtimeContext: told, telemetry: { includeRuntimeContext } })),
  (told, run) => run(),
);
