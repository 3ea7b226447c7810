// What the JavaScript drivers share: a tracer provider that exports to the collector, and one event a scenario.
import { trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

export const emitter = process.env.EMITTER;
export const address = process.env.EMITTER_PROVIDER;

const exporter = new OTLPTraceExporter({ url: `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces` });
export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': emitter, 'deployment.environment.name': 'production' }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
provider.register();
// An instrumentation that reads a copy of a stream may leave its failure to nobody; a service would end here.
process.on('unhandledRejection', (reason) => console.error(`${emitter}: nobody handles ${reason}`));

// The ids on a span of the company's own around the work, and on nothing else.
export function onParent(told, run) {
  return trace.getTracer('acme.support').startActiveSpan('answer ticket', { attributes: told }, async (span) => {
    try {
      return await run();
    } finally {
      span.end();
    }
  });
}

// Puts the emitter through every scenario; exits with 1 where one went otherwise than its name says.
export async function perform(scenarios, carry) {
  let wrong = false;
  for (const [name, [baseModel, scenario]] of Object.entries(scenarios)) {
    const model = `${baseModel}-${emitter}-${name}`.replaceAll('_', '-');
    const event = `${emitter}.${name}`;
    const told = { event_id: event, run_id: `${event}.1`, tenant_id: `tenant-${emitter}`, feature_id: name };
    let failure;
    try {
      await carry(told, () => scenario(model, `Where is parcel 7? [event ${event}]`, told));
    } catch (error) {
      failure = error;
    }
    if (name.startsWith('failed') && !failure) {
      console.error(`${event}: the failure was not seen`);
      wrong = true;
    }
    if (failure && !/^(failed|cut|left)/.test(name)) {
      console.error(event, failure);
      wrong = true;
    }
  }
  await provider.forceFlush();
  await provider.shutdown();
  process.exit(wrong ? 1 : 0);
}
