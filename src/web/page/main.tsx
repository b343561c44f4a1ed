import { render } from 'preact';
import { App } from './app.tsx';
import { openSource } from './start.ts';
import 'uplot/dist/uPlot.min.css';
import './page.css';

const place = document.getElementById('page');
const source = openSource();
if (place && source) render(<App source={source} />, place);
else if (place) {
  const words = 'Open the address that `dstack ui` has printed: it has what lets you in.';
  render(
    <main>
      <h1>dstack</h1>
      <p>{words}</p>
    </main>,
    place,
  );
}
