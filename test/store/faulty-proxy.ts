import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** What becomes of one call. Offsets count from the body's beginning. */
export type Fault =
  | { answer: number; code?: string; date?: Date }
  /** Nothing is answered, and the connection broken. */
  | { hangUp: true }
  /** Nobody ever answers. */
  | 'mute'
  /** The connection breaks once so much of what is sent, or of the answer, has passed. */
  | { cutBody: number }
  | { cutAnswer: number }
  /** The answer ends there as if that were all of it. */
  | { shorten: number }
  /** So many bytes a second pass, in either direction. */
  | { slow: number }
  /** After so many bytes of what is sent, or of the answer, nothing passes any more, and the connection stays. */
  | { stallBody: number }
  | { stallAnswer: number }
  | { flip: number }
  | { flipBody: number }
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
  const take = (incoming: IncomingMessage, answer: ServerResponse) => {
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
    if (fault === 'mute') return;
    if (fault && 'hangUp' in fault) incoming.destroy();
    else if (fault && 'answer' in fault) refuse(incoming, answer, call, fault);
    else forward(target, incoming, answer, call, fault, proxy);
  };
  // Who asks whether to send a body at all is told so by whom the body is for.
  const server = createServer(take).on('checkContinue', take);
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
  if (incoming.headers.expect) answer.writeContinue();
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
  fault: Exclude<Fault, { answer: number } | { hangUp: true } | 'mute'> | undefined,
  proxy: FaultyProxy,
): void {
  const headers = { ...incoming.headers };
  if (fault && 'without' in fault) delete headers[fault.without];
  const onward = request(
    // A connection of its own: one that the server has closed meanwhile would be a fault that nobody asked for.
    { host: target.hostname, port: target.port, method: call.method, path: call.path, headers, agent: false },
    (back) => {
      call.status = back.statusCode ?? 0;
      const altered = fault !== undefined && ('shorten' in fault || 'rewrite' in fault);
      const raw = { ...back.headers };
      if (altered) delete raw['content-length'];
      answer.writeHead(call.status, raw);
      if (fault && 'stallAnswer' in fault) answer.flushHeaders();
      const changing = change(fault, () => answer.destroy());
      changing.on('data', (bytes: Buffer) => {
        call.received += bytes.length;
        proxy.onBytes(call);
      });
      back.on('error', () => answer.destroy());
      back.pipe(changing).pipe(answer);
    },
  );
  onward.on('continue', () => answer.writeContinue());
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
  if (fault && 'slow' in fault) incoming.pipe(slowly(fault.slow)).pipe(onward);
  else if (fault && 'flipBody' in fault)
    incoming.pipe(change({ flip: fault.flipBody }, () => {})).pipe(onward);
  else if (fault && 'stallBody' in fault) incoming.pipe(stalling(fault.stallBody)).pipe(onward);
  else incoming.pipe(onward);
}

/** Lets through so many bytes a second. */
function slowly(bytesPerSecond: number): Transform {
  return new Transform({
    highWaterMark: 1,
    async transform(bytes: Buffer, _, done) {
      const piece = Math.max(1, Math.ceil(bytesPerSecond / 20));
      for (let start = 0; start < bytes.length; start += piece) {
        this.push(bytes.subarray(start, start + piece));
        await sleep(50);
      }
      done();
    },
  });
}

/** Lets through so many bytes and then nothing, not even an end. */
function stalling(bytes: number): Transform {
  let passed = 0;
  return new Transform({
    transform(part: Buffer, _, done) {
      if (passed < bytes) this.push(part.subarray(0, bytes - passed));
      passed += part.length;
      if (passed < bytes) done();
    },
  });
}

/** What the answer's bytes go through. */
function change(fault: Exclude<Fault, 'mute'> | undefined, cut: () => void): Transform {
  if (fault && 'slow' in fault) return slowly(fault.slow);
  if (fault && 'stallAnswer' in fault) return stalling(fault.stallAnswer);
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
