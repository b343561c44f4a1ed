import { suite } from 'uvu';
import { addRetiredContract } from './retired-contract.ts';
import { newS3Store } from './s3-support.ts';
import { addStoreContract } from './store-contract.ts';
import { CREDENTIALS, missing, type Server, startSwift } from './swift.ts';

const test = suite('s3-store');
let server: Server;

if (missing === null) {
  test.before(async () => {
    Object.assign(process.env, CREDENTIALS);
    server = await startSwift();
  });
  test.after(() => server.stop());
  addStoreContract(test, () => newS3Store(server.endpoint));
  addRetiredContract(test, () => newS3Store(server.endpoint));
} else {
  console.log(`SKIP the store in S3: ${missing}`);
}

test.run();
