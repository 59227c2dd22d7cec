// References to elements: the second pass of a parse. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_RESOLVE_H_
#define TWIN_MODELS_DTDL_RESOLVE_H_

#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

// Finds the element that each reference names and checks that it may stand there. References that
// nothing defines go to state->unresolved, and their Interface is marked so: it cannot be checked
// where it depends on them.
void ResolveReferences(ParseState* state);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_RESOLVE_H_
