import { DstackError } from '../errors.ts';
import type { Repository } from '../git/repository.ts';
import { openByFetching } from './fetched-repository.ts';
import { openOnThisMachine } from './folder-repository.ts';
import { groupPushes } from './group-pushes.ts';
import { shareListings } from './share-listings.ts';
import { resolveRemote, type SharedRepository } from './shared-repository.ts';

/**
 * Opens the shared repository at a remote, from `local`, a repository of one's own. Calls that come while another one is
 * under way are carried out together.
 */
export async function openSharedRepository(
  local: Repository,
  remote: string,
  folder: string = local.workTree ?? local.gitDir,
): Promise<SharedRepository> {
  const { address, path, named } = await resolveRemote(remote, folder);
  if (address.startsWith('-'))
    throw new DstackError('bad-remote', `${address} can't be the address of a repository`, {
      hint: 'addresses begin with no dash: correct `remote`',
    });
  const opened =
    path === null
      ? openByFetching(local, named ? remote : address, address)
      : await openOnThisMachine(local, path);
  return {
    ...opened,
    list: shareListings(opened.location, opened.list),
    push: groupPushes(opened.push),
  };
}
