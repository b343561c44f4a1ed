/** Entries of one object or list that are shown. */
const mostEntries = 200;
/** Levels that are open to begin with. */
const openLevels = 2;

/** A value of JSON that can be folded. */
export function JsonTree({ value, name, level = 0 }: { value: unknown; name?: string; level?: number }) {
  const label = name === undefined ? null : <span class="json-name">{name}: </span>;
  if (typeof value !== 'object' || value === null)
    return (
      <div class="json">
        {label}
        <span class={`json-${value === null ? 'null' : typeof value}`}>{JSON.stringify(value)}</span>
      </div>
    );
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const size = isList ? `[${entries.length}]` : `{${entries.length}}`;
  if (entries.length === 0)
    return (
      <div class="json">
        {label}
        {isList ? '[]' : '{}'}
      </div>
    );
  return (
    <details class="json" open={level < openLevels && entries.length <= mostEntries}>
      <summary>
        {label}
        <span class="quiet">{size}</span>
      </summary>
      <div class="json-inner">
        {entries.slice(0, mostEntries).map(([key, inner]) => (
          <JsonTree key={key} name={key} value={inner} level={level + 1} />
        ))}
        {entries.length > mostEntries ? (
          <span class="quiet">… {entries.length - mostEntries} more</span>
        ) : null}
      </div>
    </details>
  );
}
