// Vercel's `ai` 6 with the spans it makes itself; the ids are its telemetry metadata.
import { scenarios } from './vercel.mjs';
import { perform } from './work.mjs';

await perform(
  scenarios((told) => ({ experimental_telemetry: { isEnabled: true, metadata: told } })),
  (told, run) => run(),
);
