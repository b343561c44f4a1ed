// A process that puts one file into a store: put-process.ts LOCATION PATH SHA256
import { openStore } from '../../src/store/open-store.ts';

const [location = '', path = '', sha256 = ''] = process.argv.slice(2);
await openStore(location).putFile(path, sha256);
