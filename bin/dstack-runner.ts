#!/usr/bin/env node
import { launch } from './launch.ts';

launch(['runner', 'start', ...process.argv.slice(2)]);
