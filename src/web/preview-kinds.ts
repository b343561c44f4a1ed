/** How a file is shown. */
export type PreviewKind =
  | { readonly kind: 'image'; readonly type: string }
  | { readonly kind: 'csv' | 'json' | 'lines' | 'text' };

const images: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  bmp: 'image/bmp',
  ico: 'image/x-icon',
  svg: 'image/svg+xml',
};

/** By the end of its name: what is in it shows soon enough. Pure. */
export function previewKind(path: string): PreviewKind {
  const end = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  if (Object.hasOwn(images, end)) return { kind: 'image', type: images[end] as string };
  if (end === 'csv' || end === 'tsv') return { kind: 'csv' };
  if (end === 'json' || end === 'geojson' || end === 'ipynb') return { kind: 'json' };
  return { kind: end === 'jsonl' || end === 'ndjson' ? 'lines' : 'text' };
}
