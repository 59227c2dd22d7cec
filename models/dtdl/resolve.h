// References to elements: the second pass of a parse. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_RESOLVE_H_
#define TWIN_MODELS_DTDL_RESOLVE_H_

#include <cstddef>

#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

// Finds the element that each reference of state->references names and checks that it may stand
// there. References that nothing defines go to state->unresolved, and their Interface is marked so:
// it cannot be checked where it depends on them. For the end, when all texts have been read.
void ResolveReferences(ParseState* state);

// The same before the end, for the references from `first` on: resolves and takes away those of
// Interfaces that refer, directly or not, to nothing but what is known. The other Interfaces are
// marked as waiting and keep theirs.
void ResolveKnown(ParseState* state, size_t first);

// Notes the targets of its Relationships that nothing defines so far: for ResolveReferences to
// warn.
void CollectMissingTargets(ParseState* state, const Element& interface);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_RESOLVE_H_
