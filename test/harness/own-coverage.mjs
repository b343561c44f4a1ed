// Loaded into a test file's process when coverage is measured. Node has read the variable by now; without it, the
// programs that the test starts do not each write megabytes about the bundle, which could not be mapped to src/ anyway.
delete process.env.NODE_V8_COVERAGE;
