// How threads share processors.
#ifndef TWIN_SERVER_BASE_THREAD_PRIORITY_H_
#define TWIN_SERVER_BASE_THREAD_PRIORITY_H_

namespace twin {

// From now on the calling thread gives way to the others: one of them that wakes runs at once
// instead of when this one's time slice ends, and where all processors are busy it gets a tenth of
// what they get. There is no way back, and threads that it makes inherit that. Where the system
// refuses, all stays as it was.
void GiveWayToOthers();

// From now on the calling thread, of those that mostly wait and that others wait for, runs as soon
// as it wakes, also where threads that it has no precedence over keep all processors busy. It gets
// no more time than they do. Nothing changes for a thread of another policy than the common one, or
// where the system refuses.
void WakeAtOnce();

}  // namespace twin

#endif  // TWIN_SERVER_BASE_THREAD_PRIORITY_H_
