// All estimators as classes, for those who do not go by name.
#pragma once
#include <tacit/hypergrad/estimator.hpp>
#include <tacit/hypergrad/finite_difference.hpp>
#include <tacit/hypergrad/fixed_point.hpp>
#include <tacit/hypergrad/forward.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/hypergrad/unroll.hpp>
