// What an expression of the source can say, with ‹names› for what differs.
import ts from 'typescript';

/** Each way that an expression can be put in words. */
export function wordsOf(
  node: ts.Expression | undefined,
  bound: ReadonlyMap<string, ts.Expression>,
): string[] {
  if (!node || node.getText() === 'undefined') return [];
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isRegularExpressionLiteral(node)) return ['‹words of Git or its host›'];
  if (ts.isParenthesizedExpression(node)) return wordsOf(node.expression, bound);
  if (ts.isConditionalExpression(node))
    return [...wordsOf(node.whenTrue, bound), ...wordsOf(node.whenFalse, bound)];
  if (ts.isBinaryExpression(node)) {
    const [left, right] = [wordsOf(node.left, bound), wordsOf(node.right, bound)];
    if (node.operatorToken.kind === ts.SyntaxKind.PlusToken)
      return left.flatMap((l) => right.map((r) => l + r));
    return [...left, ...right];
  }
  if (ts.isTemplateExpression(node)) {
    return node.templateSpans.reduce(
      (before, span) => {
        const ways = wordsOf(span.expression, bound);
        const inside = ways.length > 0 ? ways : [`‹${nameOf(span.expression)}›`];
        return before.flatMap((text) => inside.map((way) => `${text}${way}${span.literal.text}`)).slice(0, 8);
      },
      [node.head.text],
    );
  }
  if (ts.isIdentifier(node)) {
    const given = bound.get(node.text);
    if (given) return wordsOf(given, new Map());
    const constant = constantOf(node);
    if (constant) return wordsOf(constant, new Map());
  }
  return [`‹${nameOf(node)}›`];
}

/** What a constant of the same file, or of a function around, is set to, if that is words. */
function constantOf(node: ts.Identifier): ts.Expression | null {
  let found: ts.Expression | null = null;
  visit(node.getSourceFile(), (one) => {
    if (!ts.isVariableDeclaration(one) || one.name.getText() !== node.text || !one.initializer) return;
    if (one.initializer.pos <= node.pos && node.end <= one.initializer.end) return;
    const words =
      ts.isStringLiteralLike(one.initializer) ||
      ts.isTemplateExpression(one.initializer) ||
      ts.isConditionalExpression(one.initializer);
    if (words) found = one.initializer;
  });
  return found;
}

/** What a value is called where it is used. */
function nameOf(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return nameOf(node.name as ts.Identifier);
  if (ts.isNonNullExpression(node) || ts.isParenthesizedExpression(node) || ts.isAwaitExpression(node))
    return nameOf(node.expression);
  if (ts.isElementAccessExpression(node)) return nameOf(node.expression);
  if (ts.isCallExpression(node)) {
    const [first] = node.arguments;
    if (ts.isPropertyAccessExpression(node.expression)) return nameOf(node.expression.expression);
    if (first) return nameOf(first);
    return nameOf(node.expression);
  }
  if (ts.isBinaryExpression(node)) return nameOf(node.left);
  return '…';
}

/** Calls `see` with a node and all below it. */
export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}
