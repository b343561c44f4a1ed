import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';

/** What becomes of one call. Offsets count from the body's beginning. */
export type Fault =
  | { answer: number; code?: string; date?: Date }
  /** Nothing is answered, and the connection broken. */
  | { hangUp: true }
  /** The connection breaks once so much of what is sent, or of the answer, has passed. */
  | { cutBody: number }
  | { cutAnswer: number }
  /** The answer ends there as if that were all of it. */
  | { shorten: number }
  | { flip: number }
  | { rewrite: (text: string) => string }
  | { without: string };

/** One call that has come through, and how many bytes of it and of the answer. */
export interface Call {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingMessage['headers'];
  sent: number;
  received: number;
  status: number;
}

export interface FaultyProxy {
  endpoint: string;
  calls: Call[];
  /** Decides about each call; the latest one counts. */
  fault: (call: Call, count: number) => Fault | undefined;
  /** Called as bytes of a call pass, in either direction. */
  onBytes: (call: Call) => void;
  stop(): Promise<void>;
}

/** A network, and an object store, that behaves as badly as it is told to, in front of one that works. */
export async function startFaultyProxy(endpoint: string): Promise<FaultyProxy> {
  const target = new URL(endpoint);
  const server = createServer((incoming, answer) => {
    const call: Call = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      sent: 0,
      received: 0,
      status: 0,
    };
    proxy.calls.push(call);
    const fault = proxy.fault(call, proxy.calls.length);
    if (fault && 'hangUp' in fault) incoming.destroy();
    else if (fault && 'answer' in fault) refuse(incoming, answer, call, fault);
    else forward(target, incoming, answer, call, fault, proxy);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultyProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    fault: () => undefined,
    onBytes: () => {},
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function refuse(
  incoming: IncomingMessage,
  answer: ServerResponse,
  call: Call,
  { answer: status, code = '', date = new Date() }: Extract<Fault, { answer: number }>,
): void {
  call.status = status;
  incoming.resume().once('end', () => {
    answer.sendDate = false;
    answer.writeHead(status, { 'content-type': 'application/xml', date: date.toUTCString() });
    answer.end(
      call.method === 'HEAD' ? '' : `<Error><Code>${code}</Code><Message>it says no</Message></Error>`,
    );
  });
}

function forward(
  target: URL,
  incoming: IncomingMessage,
  answer: ServerResponse,
  call: Call,
  fault: Exclude<Fault, { answer: number } | { hangUp: true }> | undefined,
  proxy: FaultyProxy,
): void {
  const headers = { ...incoming.headers };
  if (fault && 'without' in fault) delete headers[fault.without];
  const onward = request(
    { host: target.hostname, port: target.port, method: call.method, path: call.path, headers },
    (back) => {
      call.status = back.statusCode ?? 0;
      const altered = fault !== undefined && ('shorten' in fault || 'rewrite' in fault);
      const raw = { ...back.headers };
      if (altered) delete raw['content-length'];
      answer.writeHead(call.status, raw);
      const changing = change(fault, () => answer.destroy());
      changing.on('data', (bytes: Buffer) => {
        call.received += bytes.length;
        proxy.onBytes(call);
      });
      back.on('error', () => answer.destroy());
      back.pipe(changing).pipe(answer);
    },
  );
  onward.on('error', () => answer.destroy());
  incoming.on('error', () => onward.destroy());
  incoming.on('close', () => {
    if (!incoming.complete) onward.destroy();
  });
  incoming.on('data', (bytes: Buffer) => {
    call.sent += bytes.length;
    proxy.onBytes(call);
    if (fault && 'cutBody' in fault && call.sent > fault.cutBody) {
      onward.destroy();
      incoming.destroy();
    }
  });
  incoming.pipe(onward);
}

/** What the answer's bytes go through. */
function change(fault: Fault | undefined, cut: () => void): Transform {
  let passed = 0;
  const texts: Buffer[] = [];
  return new Transform({
    transform(bytes: Buffer, _, done: TransformCallback) {
      const from = passed;
      passed += bytes.length;
      if (fault === undefined) return done(null, bytes);
      if ('rewrite' in fault) {
        texts.push(bytes);
        return done();
      }
      if ('flip' in fault && fault.flip >= from && fault.flip < passed) {
        const flipped = Buffer.from(bytes);
        flipped[fault.flip - from]! ^= 1;
        return done(null, flipped);
      }
      if ('shorten' in fault) return done(null, bytes.subarray(0, Math.max(0, fault.shorten - from)));
      if ('cutAnswer' in fault && passed > fault.cutAnswer) {
        this.push(bytes.subarray(0, Math.max(0, fault.cutAnswer - from)));
        setImmediate(cut);
        return;
      }
      done(null, bytes);
    },
    flush(done) {
      if (fault && 'rewrite' in fault) this.push(fault.rewrite(Buffer.concat(texts).toString()));
      done();
    },
  });
}
