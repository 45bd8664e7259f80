package main

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Prints a line for each kind: its name, and a body with every key of dockerd's structs.
func samples() {
	for kind, views := range views {
		for _, view := range views {
			sample := reflect.New(reflect.TypeOf(view)).Elem()
			fill(sample)
			text, err := json.Marshal(sample.Interface())
			if err != nil {
				panic(err)
			}
			fmt.Println(kind, string(text))
		}
	}
}

// Gives a value, and all that it contains, a content that is not Go's zero.
func fill(value reflect.Value) {
	switch value.Kind() {
	case reflect.Ptr:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem())
	case reflect.Struct:
		for i := 0; i < value.NumField(); i++ {
			field := value.Field(i)
			// The keys of an embedded struct can be set even if the struct cannot.
			if field.CanSet() || value.Type().Field(i).Anonymous {
				fill(field)
			}
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(value.Index(0))
	case reflect.Array:
		for i := 0; i < value.Len(); i++ {
			fill(value.Index(i))
		}
	case reflect.Map:
		key, content := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
		// A port is a valid key of every map.
		key.SetString("80/tcp")
		fill(content)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(key, content)
	case reflect.String:
		// Valid base64, as secrets need it.
		value.SetString("eA==")
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		value.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value.SetUint(1)
	case reflect.Float32, reflect.Float64:
		value.SetFloat(0.5)
	default:
		panic("no sample of " + value.Type().String())
	}
}
