import { createHash, randomUUID } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import type Docker from 'dockerode';
import tar from 'tar-stream';

const sha256 = (data: Uint8Array) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

export interface TinyRegistry {
  /** `127.0.0.1:<port>`; Docker talks plain HTTP to that. */
  readonly address: string;
  /** How often each path was asked for. */
  readonly requests: Map<string, number>;
  /** While it is held, layers are not sent. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

/** A registry with one image, `busybox:1`, that a real Docker can pull from: the second version of its protocol. */
export async function startTinyRegistry(docker: Docker): Promise<TinyRegistry> {
  const layer = gzipSync(Buffer.concat([await uniqueEntry(), await layerOf(docker, 'dstack-test/busybox')]));
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Env: ['PATH=/usr/bin:/bin'] },
      rootfs: { type: 'layers', diff_ids: [sha256(gunzipSync(layer))] },
    }),
  );
  const type = 'application/vnd.docker.distribution.manifest.v2+json';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: config.length,
        digest: sha256(config),
      },
      layers: [
        {
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
          size: layer.length,
          digest: sha256(layer),
        },
      ],
    }),
  );
  const contents = new Map<string, Buffer>([
    ['/v2/', Buffer.from('{}')],
    ['/v2/busybox/manifests/1', manifest],
    [`/v2/busybox/manifests/${sha256(manifest)}`, manifest],
    [`/v2/busybox/blobs/${sha256(config)}`, config],
    [`/v2/busybox/blobs/${sha256(layer)}`, layer],
  ]);
  const requests = new Map<string, number>();
  let held: Promise<void> | undefined;
  let release = () => {};

  const server = http.createServer(async (request, response) => {
    const url = request.url ?? '';
    requests.set(url, (requests.get(url) ?? 0) + 1);
    const content = contents.get(url);
    if (content === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
      return;
    }
    if (content === layer) await held;
    response.writeHead(200, {
      'content-type': content === manifest ? type : 'application/octet-stream',
      'content-length': content.length,
      'docker-content-digest': sha256(content),
    });
    response.end(request.method === 'HEAD' ? undefined : content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hold() {
      held = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: () => release(),
    async close() {
      release();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The start of an archive with a file like no other: Docker does not fetch a layer that it has seen before. */
async function uniqueEntry(): Promise<Buffer> {
  const pack = tar.pack();
  pack.entry({ name: 'unique' }, randomUUID());
  pack.finalize();
  return (await buffer(pack)).subarray(0, 1024);
}

/** The only layer of an imported image, as tar. */
async function layerOf(docker: Docker, image: string): Promise<Buffer> {
  const saved = await docker.getImage(image).get();
  let layer: Buffer | undefined;
  // Read to the end: a half-read answer would keep this process alive.
  for await (const entry of saved.pipe(tar.extract())) {
    const content = await buffer(entry);
    // The other files of the archive, whatever its layout, are JSON.
    if (content.subarray(257, 262).toString() === 'ustar') layer = content;
  }
  if (layer === undefined) throw new Error(`${image} has no layer`);
  return layer;
}
