// Reads from the source what errors dstack can meet its users with, so that the list in docs/messages.md is the whole of them.
import ts from 'typescript';
import { visit, wordsOf } from './words.ts';

export interface Message {
  /** The word that programs tell it by; `…` where it is handed on from another error. */
  readonly code: string;
  /** What it says: each way it can be put, with ‹names› for what differs. */
  readonly texts: readonly string[];
  /** What it says to do next; empty if nothing. */
  readonly hints: readonly string[];
  /** Whether it only says that its user has ended it: there is nothing to be done next. */
  readonly wanted: boolean;
  /** From the root of the repository. */
  readonly file: string;
}

/** A function that makes such errors of what it is handed. */
interface Maker {
  readonly name: string;
  /** Where its calls count: in its own file only, unless it is exported. */
  readonly file: string | null;
  readonly parameters: readonly string[];
  readonly made: Made;
}

interface Made {
  readonly code: ts.Expression | undefined;
  readonly message: ts.Expression | undefined;
  readonly hint: ts.Expression | undefined;
  /** Whether it only says that its user has ended it. */
  readonly wanted: boolean;
}

/** Every error of the source, sorted by code and text. */
export function errorsIn(parsed: readonly ts.SourceFile[]): Message[] {
  const makers = parsed.flatMap(makersOf);
  const messages = parsed.flatMap((source) => messagesIn(source, makers));
  return messages.sort((a, b) => compare(a.code, b.code) || compare(a.texts[0] ?? '', b.texts[0] ?? ''));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const plainMakers: readonly string[] = ['DstackError', 'usageError'];

/** What `new DstackError(…)` and `usageError(…)` are given. */
function madeBy(node: ts.Node): Made | null {
  if (!(ts.isNewExpression(node) || ts.isCallExpression(node))) return null;
  const callee = node.expression.getText();
  const [code, message, third] = node.arguments ?? [];
  if (callee === 'usageError') return { code, message, hint: third, wanted: false };
  if (callee !== 'DstackError' || !ts.isNewExpression(node)) return null;
  const options = third && ts.isObjectLiteralExpression(third) ? third : undefined;
  const wanted = options !== undefined && propertyOf(options, 'exitCode')?.getText() === '130';
  return { code, message, hint: options ? propertyOf(options, 'hint') : third, wanted };
}

/** An entry of a table by which the words of others are explained. */
function entryOf(node: ts.Node): Made | null {
  if (!ts.isObjectLiteralExpression(node)) return null;
  const [code, hint] = [propertyOf(node, 'code'), propertyOf(node, 'hint')];
  const message = propertyOf(node, 'says') ?? propertyOf(node, 'pattern');
  const named = code !== undefined && ts.isStringLiteralLike(code);
  return named && hint && message ? { code, message, hint, wanted: false } : null;
}

export function propertyOf(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  for (const property of object.properties) {
    if (property.name?.getText() !== name) continue;
    if (ts.isPropertyAssignment(property)) return property.initializer;
    if (ts.isShorthandPropertyAssignment(property)) return property.name;
  }
  return undefined;
}

function makersOf(source: ts.SourceFile): Maker[] {
  const makers: Maker[] = [];
  visit(source, (node) => {
    const made = madeBy(node);
    const maker = made && functionAround(node);
    if (!made || !maker || plainMakers.includes(maker.name)) return;
    const parameters = maker.node.parameters.map(({ name }) => name.getText());
    const handed = [made.code, made.message, made.hint].some((one) => one && mentions(one, parameters));
    if (!handed || !makes(maker.node, node)) return;
    makers.push({ name: maker.name, file: maker.exported ? null : source.fileName, parameters, made });
  });
  return makers;
}

type Maybe<T> = T | null;

interface NamedFunction {
  readonly name: string;
  readonly exported: boolean;
  readonly node: ts.FunctionDeclaration | ts.ArrowFunction;
}

function functionAround(node: ts.Node): Maybe<NamedFunction> {
  for (let at: ts.Node | undefined = node.parent; at; at = at.parent) {
    if (ts.isFunctionDeclaration(at) && at.name) {
      return { name: at.name.text, exported: isExported(at), node: at };
    }
    if (ts.isArrowFunction(at)) {
      if (!ts.isVariableDeclaration(at.parent)) return null;
      return { name: at.parent.name.getText(), exported: isExported(at.parent.parent.parent), node: at };
    }
    if (ts.isFunctionLike(at)) return null;
  }
  return null;
}

const isExported = (node: ts.Node) =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

/** Whether a function is there for the error: it returns it, or throws it as the last it does. */
function makes(maker: NamedFunction['node'], error: ts.Node): boolean {
  if (!maker.body || !ts.isBlock(maker.body)) return true;
  const last = maker.body.statements.at(-1);
  return last !== undefined && error.pos >= last.pos && error.end <= last.end;
}

/** Whether such a name stands for the entire expression, or for a part that is put in as it is. */
function mentions(node: ts.Node, names: readonly string[]): boolean {
  let found = false;
  visit(node, (one) => {
    if (!ts.isIdentifier(one) || !names.includes(one.text)) return;
    const { parent } = one;
    found ||= one === node || ts.isTemplateSpan(parent) || ts.isConditionalExpression(parent);
  });
  return found;
}

function messagesIn(source: ts.SourceFile, makers: readonly Maker[]): Message[] {
  const found: Message[] = [];
  const add = (made: Made, bound: ReadonlyMap<string, ts.Expression>) =>
    found.push({
      code: wordsOf(made.code, bound)[0] ?? '…',
      texts: wordsOf(made.message, bound),
      hints: wordsOf(made.hint, bound).filter((hint) => hint !== ''),
      wanted: made.wanted,
      file: source.fileName,
    });
  visit(source, (node) => {
    const entry = entryOf(node);
    if (entry) return void add(entry, new Map());
    const made = madeBy(node);
    if (made) {
      const around = functionAround(node);
      const known = makers.some(
        (maker) =>
          maker.name === around?.name &&
          (maker.file ?? source.fileName) === source.fileName &&
          maker.made.message === made.message,
      );
      if (!known && !plainMakers.includes(around?.name ?? '')) add(made, new Map());
      return;
    }
    if (!ts.isCallExpression(node)) return;
    const maker = makerOf(node.expression.getText(), source.fileName, makers);
    if (!maker) return;
    const bound = new Map<string, ts.Expression>();
    for (const [index, name] of maker.parameters.entries()) {
      const given = node.arguments[index];
      if (given) bound.set(name.replace(/\?$/, ''), given);
    }
    add(maker.made, bound);
  });
  return found;
}

/** A function of the file itself comes before one of the same name elsewhere. */
function makerOf(name: string, file: string, makers: readonly Maker[]): Maker | undefined {
  const named = makers.filter((maker) => maker.name === name);
  return named.find((maker) => maker.file === file) ?? named.find((maker) => maker.file === null);
}
