import { quoted, type Report } from './problems.ts';
import { pythonKeys } from './providers.ts';
import type { LocatedText } from './source.ts';
import type { FoundFields } from './workflow-keys.ts';

/** What a workflow executes, and in what image. */
export type Program =
  | {
      readonly kind: 'commands';
      readonly commands: readonly LocatedText[];
      readonly image: LocatedText | 'default' | null;
    }
  | {
      readonly kind: 'python';
      readonly image: LocatedText | 'default';
      readonly file: LocatedText;
      /** One text is put in as it is; of a list, each item is one word. */
      readonly args: LocatedText | readonly LocatedText[] | null;
      readonly version: LocatedText | null;
      readonly requirements: LocatedText | null;
    };

/** Checks `provider` and the keys that go with it. After an error the result is of no use. */
export function readProgram(found: FoundFields, name: LocatedText, report: Report): Program {
  const given = found.provider?.value ?? null;
  const provider = given?.text ?? null;
  const unclear = found.provider !== undefined && provider === null;
  const image = found.image?.value ?? null;
  if (provider === 'python') return readPython(found, image, given!, report);
  if (provider === 'docker' && !found.image) {
    report({ span: given!.span, message: 'the provider `docker` needs an `image` beside it' });
  }
  for (const field of pythonKeys) {
    const key = found[field]?.key;
    if (key && !unclear) {
      report({ span: key.span, message: `${quoted(key.text)} goes with \`provider: python\` only` });
    }
  }
  if (!found.commands && !unclear) {
    const whose = name.text === '' ? 'this workflow' : quoted(name.text);
    report({ span: name.span, message: `${whose} has no \`commands\`` });
  } else if (found.commands?.value?.length === 0) {
    report({ span: found.commands.key.span, message: '`commands` is empty; there is nothing to execute' });
  }
  const commands = found.commands?.value ?? [];
  return { kind: 'commands', commands, image: image ?? (provider === 'bash' ? 'default' : null) };
}

function readPython(
  found: FoundFields,
  image: LocatedText | null,
  given: LocatedText,
  report: Report,
): Program {
  if (found.commands) {
    const message = '`commands` goes with the providers `docker` and `bash`; `python` executes its `file`';
    report({ span: found.commands.key.span, message });
  }
  if (!found.file) report({ span: given.span, message: 'the provider `python` needs a `file` beside it' });
  if (found.version && found.image) {
    report({
      span: found.version.key.span,
      message: '`version` chooses an image, but there is an `image` already',
    });
  }
  return {
    kind: 'python',
    image: image ?? 'default',
    file: found.file?.value ?? given,
    args: found.args?.value ?? null,
    version: found.version?.value ?? null,
    requirements: found.requirements?.value ?? null,
  };
}
