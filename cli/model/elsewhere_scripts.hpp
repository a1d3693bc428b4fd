// The parts of elsewhere.py and elsewhere.R that are the same for every run; the settings come before them.
#pragma once

namespace tacit {

extern const char* const kElsewherePython;
extern const char* const kElsewhereR;

}  // namespace tacit
