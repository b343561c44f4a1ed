import type { Test } from 'uvu';
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import { newS3Store, type S3Subject } from './s3-support.ts';
import { CREDENTIALS, type Server, startSwift } from './swift.ts';
import { inTempFolder } from './temp-folder.ts';

/** A server, and the network in front of it; there while the tests of a suite run. */
export interface S3Network {
  server: Server;
  proxy: FaultyProxy;
}

/** Starts both before the first of a suite's tests, and stops them after the last. */
export function serveS3(test: Pick<Test, 'before' | 'after'>): S3Network {
  const network = {} as S3Network;
  test.before(async () => {
    Object.assign(process.env, CREDENTIALS);
    network.server = await startSwift();
    network.proxy = await startFaultyProxy(network.server.endpoint);
  });
  test.after(async () => {
    await network.proxy.stop();
    await network.server.stop();
  });
  return network;
}

/** Adds tests with a new bucket each, on a network that behaves until they say otherwise. */
export function bucketTests(test: Test, network: S3Network) {
  return (name: string, body: (subject: S3Subject, folder: string) => Promise<void>): void => {
    test(name, () =>
      inTempFolder(async (folder) => {
        const { server, proxy } = network;
        const subject = await newS3Store(server.endpoint, proxy.endpoint);
        proxy.calls.length = 0;
        try {
          await body(subject, folder);
        } finally {
          proxy.fault = () => undefined;
          proxy.onBytes = () => {};
        }
      }),
    );
  };
}
