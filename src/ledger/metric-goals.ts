/** Which of two values is the better one: the smaller, or the greater. */
export type Goal = 'min' | 'max';

const smaller = new Set([
  ...['loss', 'losses', 'err', 'error', 'errors', 'mse', 'rmse', 'mae', 'mape', 'nll', 'cost', 'regret'],
  ...['perplexity', 'ppl', 'wer', 'cer', 'fid', 'bpb', 'bpc', 'divergence', 'kl', 'latency', 'brier'],
]);
const greater = new Set([
  ...['acc', 'accuracy', 'precision', 'recall', 'f1', 'auc', 'auroc', 'auprc', 'map', 'ap', 'ndcg', 'mrr'],
  ...['bleu', 'rouge', 'meteor', 'score', 'reward', 'return', 'r2', 'iou', 'miou', 'dice', 'psnr', 'ssim'],
  ...['top1', 'top5', 'throughput', 'likelihood', 'correlation'],
]);

/**
 * What a metric's name says of which values are good, by its last word that is known: `val.loss`, `testAccuracy`,
 * `error_rate`. Null: nothing.
 */
export function guessGoal(name: string): Goal | null {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const known = words.findLast((word) => smaller.has(word) || greater.has(word));
  return known === undefined ? null : smaller.has(known) ? 'min' : 'max';
}
