// What nearly every test includes and is not ours, compiled once: the largest part of the time that a test takes to compile.
#pragma once
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Dense>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
