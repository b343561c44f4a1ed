/** The priority of a job that waits is a whole number from minus this to this; those with a higher one come first. */
export const highestPriority = 1000;
