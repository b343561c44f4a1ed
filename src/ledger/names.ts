import { randomInt } from 'node:crypto';
import { DstackError, usageError } from '../errors.ts';
import { nameFault } from '../language/names.ts';

/** May this be the name of a run, job, tag or runner? Lower case, at most 64 characters, fit for a ref. */
export function isName(text: string): boolean {
  return nameFault(text) === null;
}

/** @throws DstackError `bad-name` (usage) */
export function checkName(kind: 'run' | 'job' | 'tag' | 'runner', text: string): string {
  const fault = nameFault(text);
  if (fault === null) return text;
  throw usageError(
    'bad-name',
    `${JSON.stringify(text.slice(0, 80))} can't be the name of a ${kind}: ${fault}`,
    'use lower-case letters, digits, "-", "_" and inner dots, at most 64 characters',
  );
}

/** The error for a run that was to have the name of another one. */
export function nameTaken(run: string): DstackError {
  return new DstackError('name-taken', `there is a run named ${run} already`, {
    hint: 'choose another name, or none',
  });
}

const adjectives =
  'able amber ample aqua bold brave brief bright brisk calm cheery civil clean clear clever cosy crisp curious daring deft eager early easy fair famous fancy fast fine firm fleet fond frank fresh gentle glad golden good grand green happy hardy honest humble ideal jolly keen kind large light lively loyal lucid lucky mellow merry mighty mild modest neat nimble noble novel patient plain polite proud pure quick quiet rapid ready rich royal rosy safe sage sharp shiny silent silver simple smart snug solid spry steady still sunny sure swift tidy true vivid warm wise witty young zesty'.split(
    ' ',
  );
const animals =
  'adder alpaca ant badger bat bear beaver bee bison boar camel cat cheetah cobra condor crab crane crow deer dingo dog dove duck eagle eel egret elk emu falcon ferret finch fox frog gecko gnu goat goose gull hare hawk heron hornet horse ibex ibis jackal jay kiwi koala lark lemur lion lizard llama lynx magpie marten mole moose moth mouse newt ocelot orca osprey otter owl ox panda panther parrot penguin pigeon pony puffin puma quail rabbit raven robin salmon seal shark sheep shrew skunk sloth snail sparrow spider squid stoat stork swan swift tapir tiger toad trout turtle viper walrus wasp weasel whale wolf wombat wren yak zebra'.split(
    ' ',
  );
/** Without letters and digits that are mistaken for one another. */
export const letters = '23456789abcdefghjkmnpqrstuvwxyz';

/** Draws a name like `brave-otter-7k2m`; some 10^10 there are. */
export function drawRunName(): string {
  const pick = (words: readonly string[] | string) => words[randomInt(words.length)] as string;
  const suffix = Array.from({ length: 4 }, () => pick(letters)).join('');
  return `${pick(adjectives)}-${pick(animals)}-${suffix}`;
}
